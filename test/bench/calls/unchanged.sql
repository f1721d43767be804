-- A contact with an even number, which has the score that it was loaded with.
\set n 2 * random(1, :contacts / 2)
\set score :n
