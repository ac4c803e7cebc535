"""Cleaning a training set: each cleaner writes a list and a page to look at, packing applies it.

Legend: `n` images, `P` people, `Q` people of a test set, `D` numbers in one embedding.
"""
