"""What it takes to run Dipper: this package holds the code that makes files of this folder."""
