"""What pasted texts and logs say: signatures, access logs, clues. Text in, plain data out; no network."""
