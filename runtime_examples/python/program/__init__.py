"""The program on top of the library: golden, score, sample and bench, the same in every language."""
