"""MongoDB for Luminora: a storage, and a vector store on Atlas Vector Search."""
