"""NASA's NeoWs: asking it (`client`) and reading what it says (`feed`)."""

NEOWS_URL = "https://api.nasa.gov/neo/rest/v1"
#: NASA's shared key: 30 requests an hour, 50 a day.
DEMO_KEY = "DEMO_KEY"
