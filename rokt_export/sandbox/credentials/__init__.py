"""Check the credentials of a request, for each authentication of the spec language, as the partner would."""
