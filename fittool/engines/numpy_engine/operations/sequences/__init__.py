"""Operations that know that there are steps, one after the other: recurrences, layers of single steps, tokens and positions."""
