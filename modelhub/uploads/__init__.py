"""Models that staff send in parts: kept aside until they are whole, judged, and then in their place."""
