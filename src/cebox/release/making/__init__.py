"""The vendor's side of transport: what is sent, in which codec, and the release folder it ends in."""
