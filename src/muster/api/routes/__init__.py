"""Native routes, one module per noun."""
