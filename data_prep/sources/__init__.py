"""What exists out there: folders, lists, archives."""
