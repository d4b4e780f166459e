"""The independent checker of certificates: a proof of what it says is docs/certificate.md.

It shares no code with what finds proofs, and computes in other arithmetic: Arb balls, which enclose
the real number they stand for, at 96 bits. It imports neither TensorFlow nor NumPy. Read it in
this order: `form` (real arithmetic), `rounding` (float32), `program` (one step of the network),
`region`, `induction` (the proof), then `certificate` (the file) and `transducer` (the tasks).
"""
