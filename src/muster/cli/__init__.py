"""The command line. One module per noun, imported when its verb is used."""
