"""The words and rules of the product: pure, standard library only. The rules R1-R13 of the procedure live here."""
