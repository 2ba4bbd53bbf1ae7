"""NASA's NeoWs: asking it (`client`) and reading what it says (`feed`)."""
