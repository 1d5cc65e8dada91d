-- What the list of terminals says of each (topic telematics.terminal.v1). Its tokens stay there.

ALTER TABLE terminals ADD COLUMN listed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN terminals.kind IS 'What carries it: vehicle, ship or station; NULL if no list says.';
COMMENT ON COLUMN terminals.class IS 'The operator''s own class, as the list has it.';
COMMENT ON COLUMN terminals.listed IS
    'On the list of terminals now. One that was taken off it keeps its kind and class.';
