"""Pure decoding: bytes to lines, lines to sentences, sentences to one Fix an epoch."""
