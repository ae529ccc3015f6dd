"""What a text names: days, figures with their units, codes and names. `read` and `names` are the ways in."""
