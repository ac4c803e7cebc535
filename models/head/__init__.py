"""The classifier: class centres split over ranks, softmax cross-entropy over all of them."""
