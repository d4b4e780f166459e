"""Laws of a citizen of Keras: configurations, initialisers, layers, masks."""
