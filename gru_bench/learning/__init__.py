"""Networks that learn a task: cell and read-out, recipes, training, evaluation."""
