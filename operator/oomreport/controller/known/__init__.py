"""What the controller knows of the cluster: caches and watches."""
