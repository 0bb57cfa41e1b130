"""The members of the demo: nobody you know, and how they shop."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Habit(NamedTuple):
    """How someone shops: every so many days on average, so many things, between which days ago."""

    days_between: float
    things: int
    first_days_ago: int
    last_days_ago: int = 0


FAN = Habit(9, 5, 400)
REGULAR = Habit(24, 4, 390)
NOW_AND_THEN = Habit(70, 3, 400)
CATERER = Habit(45, 24, 360)
LAPSED = Habit(20, 4, 400, last_days_ago=170)
NEW = Habit(12, 3, 40)


class Person(NamedTuple):
    """A member to be."""

    name: str
    habit: Habit
    country: str = "DE"
    locale: str = "de-DE"
    birthday: date | None = None


PEOPLE = (
    Person("Anna Berger", FAN, birthday=date(1984, 5, 2)),
    Person("Jonas Okafor", FAN, birthday=date(1991, 11, 23)),
    Person("Mireille Dubois", FAN, "FR", "fr-FR"),
    Person("Hedwig Lindqvist", FAN, birthday=date(1958, 2, 11)),
    Person("Café Morgenrot", CATERER),
    Person("Kita Sonnenhügel", CATERER),
    Person("Emre Aydin", REGULAR, birthday=date(1979, 8, 30)),
    Person("Sofia Castellanos", REGULAR, "ES", "es-ES"),
    Person("Tobias Krämer", REGULAR),
    Person("Leni Vogel", REGULAR, birthday=date(1999, 12, 6)),
    Person("Marek Nowicki", REGULAR, "PL", "pl-PL"),
    Person("Ingrid Haugen", REGULAR),
    Person("Paul Abendroth", REGULAR),
    Person("Chiara Moretti", REGULAR, "IT", "it-IT"),
    Person("Nadia Rahimi", REGULAR, birthday=date(1988, 3, 21)),
    Person("Ben Ashworth", REGULAR, locale="en-GB"),
    Person("Greta Sommerfeld", REGULAR),
    Person("Linh Tran", REGULAR),
    Person("Oskar Wieland", NOW_AND_THEN),
    Person("Yasmin Haddad", NOW_AND_THEN),
    Person("Clara Brandt", NOW_AND_THEN, "AT", "de-AT"),
    Person("Dimitra Pappas", NOW_AND_THEN),
    Person("Rolf Eisenmann", NOW_AND_THEN, birthday=date(1947, 9, 14)),
    Person("Sanne de Wit", NOW_AND_THEN, "NL", "nl-NL"),
    Person("Lukas Feld", NOW_AND_THEN),
    Person("Amina Diallo", NOW_AND_THEN),
    Person("Katrin Zeller", NOW_AND_THEN, "CH", "de-CH"),
    Person("Viktor Stein", NOW_AND_THEN),
    Person("Rosa Pfeiffer", LAPSED),
    Person("Henry Caldwell", LAPSED, locale="en-GB"),
    Person("Magda Kowalczyk", LAPSED),
    Person("Felix Reuter", LAPSED),
    Person("Elif Demir", LAPSED, birthday=date(1995, 6, 17)),
    Person("Stefan Huber", LAPSED, "AT", "de-AT"),
    Person("Noor van Dijk", NEW, "NL", "nl-NL"),
    Person("Mats Eklund", NEW),
    Person("Julia Weiss", NEW),
    Person("Theo Marchand", NEW, "FR", "fr-FR"),
    Person("Pia Lorenz", NEW),
    Person("Samuel Adeyemi", NEW),
)
