"""Small tools that know no word of the domain: clocks, files that survive a power cut, canonical JSON."""
