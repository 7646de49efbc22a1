"""Body encodings: each turns parameters into the bytes of a body."""
