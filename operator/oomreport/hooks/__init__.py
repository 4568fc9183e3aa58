"""What is told to hooks, whom it is told, when it is tried again, and how an answer is read. Pure."""
