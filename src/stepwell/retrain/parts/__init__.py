"""What a program declares a workflow of: typed values that are checked where they are written."""
