"""The command-line client: `command` reads the arguments and goes through the files, `client` talks to the server."""
