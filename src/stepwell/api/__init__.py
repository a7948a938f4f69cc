"""Operations as rows: their models, validation, authorisation, dispatch."""
