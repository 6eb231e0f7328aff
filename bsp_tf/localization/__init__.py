"""G-TAD: network, targets, losses, and the way from score maps to detections."""
