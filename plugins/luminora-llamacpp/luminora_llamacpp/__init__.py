"""Luminora on a GGUF file of your own, with llama.cpp inside the process."""
