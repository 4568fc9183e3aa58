"""What the agent knows of its node's pods and containers."""
