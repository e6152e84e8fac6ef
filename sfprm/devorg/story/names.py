"""Made-up names of people, companies and places for the seeded orgs. Nobody is meant."""

from __future__ import annotations

__all__ = ["COMPANY_ENDS", "COMPANY_STEMS", "FIRST_NAMES", "LAST_NAMES", "TITLES", "TOWNS"]

FIRST_NAMES: tuple[str, ...] = (
    *("Ada", "Aino", "Alba", "Anders", "Anke", "Bea", "Bruno", "Carla", "Clemens", "Dario"),
    *("Dina", "Duarte", "Elin", "Elsa", "Emil", "Enzo", "Eva", "Filipa", "Frida", "Gerd"),
    *("Gil", "Greta", "Hanno", "Helga", "Hugo", "Ida", "Ines", "Ivo", "Jana", "Joana"),
    *("Jorge", "Jule", "Karin", "Kai", "Lars", "Leonor", "Liv", "Luc", "Mads", "Maite"),
    *("Marco", "Mia", "Nadia", "Nils", "Noor", "Olga", "Otto", "Paula", "Pia", "Raul"),
    *("Rita", "Rune", "Sara", "Silke", "Sofie", "Tiago", "Tove", "Udo", "Vera", "Yann"),
)
LAST_NAMES: tuple[str, ...] = (
    *("Abelson", "Almada", "Amsel", "Barrow", "Bastos", "Bellini", "Birk", "Blume", "Borges"),
    *("Brandt", "Calvo", "Carmo", "Dahl", "Duarte", "Eklund", "Engel", "Estrada", "Falk"),
    *("Fabre", "Ferro", "Fiedler", "Fonte", "Gallo", "Garnier", "Grund", "Hagen", "Holm"),
    *("Ibsen", "Jansson", "Keller", "Klein", "Krog", "Lagarde", "Lemos", "Lind", "Lorca"),
    *("Mancini", "Marin", "Moreau", "Neves", "Nyberg", "Olmos", "Pascal", "Pinto", "Quist"),
    *("Ramos", "Rossi", "Sander", "Serra", "Sommer", "Teles", "Thorsen", "Urban", "Valente"),
    *("Vidal", "Voss", "Weiss", "Winter", "Zanetti", "Ziegler"),
)
COMPANY_STEMS: tuple[str, ...] = (
    *("Aqua", "Argo", "Atlas", "Balt", "Brise", "Cala", "Cedro", "Corvo", "Delta", "Dorn"),
    *("Elba", "Esker", "Faro", "Fjell", "Flora", "Gamma", "Garda", "Granit", "Hafen", "Halm"),
    *("Hexa", "Ibex", "Isar", "Jura", "Kelp", "Korund", "Lago", "Linde", "Lumen", "Mara"),
    *("Mistral", "Mole", "Nacre", "Nord", "Oker", "Onda", "Orla", "Perla", "Pinho", "Quarz"),
    *("Rada", "Rimo", "Salina", "Sierra", "Solar", "Tejo", "Terra", "Tinto", "Ulme", "Vela"),
    *("Vento", "Viga", "Wald", "Weser", "Zephyr", "Zinn"),
)
COMPANY_ENDS: tuple[str, ...] = (
    *("Works", "Foods", "Chemie", "Papel", "Energia", "Stahl", "Textil", "Bygg", "Agro"),
    *("Labs", "Glas", "Bebidas", "Marine", "Keramik", "Plastics", "Mining", "Pharma"),
)
TITLES: tuple[str, ...] = (
    *("Plant Manager", "Buyer", "Head of Maintenance", "Process Engineer", "Operations Manager"),
    *("Technical Director", "Owner"),
)
TOWNS: dict[str, tuple[tuple[str, str], ...]] = {
    "PT": (("Porto", "4000-"), ("Aveiro", "3800-"), ("Braga", "4700-")),
    "ES": (("Vigo", "362"), ("Bilbao", "480"), ("Murcia", "300")),
    "FR": (("Nantes", "440"), ("Lyon", "690"), ("Lille", "590")),
    "IT": (("Torino", "101"), ("Brescia", "251"), ("Bari", "701")),
    "DE": (("Bremen", "282"), ("Mainz", "551"), ("Rostock", "180")),
    "AT": (("Linz", "40"), ("Graz", "80")),
    "CH": (("Winterthur", "84"), ("Biel", "25")),
    "SE": (("Malmö", "211"), ("Luleå", "972")),
    "NO": (("Bergen", "50"), ("Ålesund", "60")),
    "DK": (("Odense", "50"), ("Esbjerg", "67")),
    "BR": (("Santos", "110"), ("Joinville", "892")),
    "PL": (("Gdynia", "812"), ("Lublin", "204")),
}
"""Towns by country, each with the beginning of its postal codes."""
