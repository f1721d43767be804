-- A contact with an odd number gets another score, which is not tracked: no event.
\set n 2 * random(1, :contacts / 2) - 1
\set score random(1, 1000000000)
