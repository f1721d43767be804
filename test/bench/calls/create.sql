-- A new contact; nobody was given such a long number before.
\set n random(1000000000000, 9000000000000)
\set score random(1, 1000000000)
