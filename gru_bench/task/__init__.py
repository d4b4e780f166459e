"""What networks learn: transducers, and the families of pairs they are measured on."""
