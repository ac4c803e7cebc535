"""The record format: MXNet RecordIO as InsightFace lays it out."""
