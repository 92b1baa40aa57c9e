"""Training the face network on many corpora, so that it is right on people of none of them."""
