"""Judge a challenger by its trial: live traffic that it and the champion have both answered."""
