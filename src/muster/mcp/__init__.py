"""muster as a server of the Model Context Protocol: tools for agents at work and for any other client of it."""
