"""The page of a data set: what data preparation did, from the files that it left."""
