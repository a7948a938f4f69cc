"""AWS's services: one package each, one noun a file. Services never import each other."""
