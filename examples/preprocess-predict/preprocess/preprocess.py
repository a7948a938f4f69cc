"""Checks patients' measurements and puts them in the order that the model wants."""

#: the measurements, in the model's order, and what each may be
MEASUREMENTS = {
    "mean radius": (0.0, 100.0),
    "mean texture": (0.0, 100.0),
    "mean smoothness": (0.0, 1.0),
    "mean concavity": (0.0, 1.0),
    "mean symmetry": (0.0, 1.0),
}


class InvalidPatient(Exception):
    """A measurement is missing or can't be; the message names the patient and the measurement."""


def handler(event, context):
    """`{"patients": [{"patient": 1, "mean radius": …}, …]}` in; their numbers and rows out."""
    patients = event["patients"]
    rows = [[measured(patient, name) for name in MEASUREMENTS] for patient in patients]
    print(f"{len(rows)} patients checked")
    return {"patients": [patient["patient"] for patient in patients], "rows": rows}


def measured(patient, name):
    value = patient.get(name)
    lowest, highest = MEASUREMENTS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise InvalidPatient(
            f"patient {patient.get('patient', '?')}, {name}: "
            f"{value!r} is not a number from {lowest} to {highest}"
        )
    return float(value)
