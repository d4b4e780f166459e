"""Laws of any recurrent cell, a module for each family."""
