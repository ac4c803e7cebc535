"""What all pages share: style, shell, tables, plots and pictures. Imports nothing of ours."""
