"""JPL's close-approach data, CAD: asking it (`client`) and reading what it says (`feed`). NeoWs is fed from it."""

CAD_URL = "https://ssd-api.jpl.nasa.gov/cad.api"
