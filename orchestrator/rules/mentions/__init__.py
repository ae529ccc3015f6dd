"""What a text names: days, figures with their units, codes and names. `read` is the way in; the others are its steps."""
