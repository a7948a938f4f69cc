"""What starts things: deliveries of one event to one target, and the events that services send."""
