"""What a visit leaves behind: a folder of pictures, plots, one film and one report.

`folder.write_folder` writes it all; `docs/outputs.md` says what each file is.
"""
