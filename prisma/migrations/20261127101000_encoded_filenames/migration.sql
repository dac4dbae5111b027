-- A file name holds an id or a value also where it is percent-encoded, has entities or decomposed letters: it is hidden at
-- once in these spellings too, as the scrubbing of the worker (src/pipeline/term-index.ts) finds them later.

-- One run of percent-encoded bytes as text; bytes that are no UTF-8 as Latin 1.
CREATE FUNCTION percent_decoded(run TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  bytes BYTEA := decode(replace(replace(run, '%00', '%20'), '%', ''), 'hex');
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN OTHERS THEN
  RETURN convert_from(bytes, 'LATIN1');
END
$$;

-- What a file name may stand for, itself first.
CREATE FUNCTION filename_spellings(filename TEXT) RETURNS TEXT[] LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  spellings TEXT[] := ARRAY[filename];
  decoded TEXT;
  entity TEXT[];
  code INTEGER;
BEGIN
  IF position('%' IN filename) > 0 THEN
    SELECT string_agg(CASE WHEN piece[1] ~ '^%[0-9A-Fa-f]{2}' THEN percent_decoded(piece[1]) ELSE piece[1] END, '' ORDER BY place)
    INTO decoded
    FROM regexp_matches(replace(filename, '+', ' '), '((?:%[0-9A-Fa-f]{2})+|%|[^%]+)', 'g') WITH ORDINALITY AS p(piece, place);
    spellings := spellings || decoded;
  END IF;
  IF position('&' IN filename) > 0 THEN
    decoded := filename;
    FOR entity IN SELECT regexp_matches(filename, '(&#(?:([0-9]{1,7})|[xX]([0-9A-Fa-f]{1,6}));)', 'g') LOOP
      code := coalesce(entity[2]::int, ('x' || lpad(entity[3], 8, '0'))::bit(32)::int);
      IF code BETWEEN 1 AND 127 OR getdatabaseencoding() = 'UTF8' AND code BETWEEN 128 AND 1114111 AND code NOT BETWEEN 55296 AND 57343 THEN
        decoded := replace(decoded, entity[1], chr(code));
      END IF;
    END LOOP;
    decoded := replace(replace(replace(replace(decoded, '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&apos;', '''');
    spellings := spellings || replace(decoded, '&amp;', '&');
  END IF;
  -- Beyond ASCII, a letter with an accent may be one character or two.
  IF getdatabaseencoding() = 'UTF8' AND EXISTS (SELECT FROM unnest(spellings) AS s(one) WHERE octet_length(one) > length(one)) THEN
    SELECT spellings || array_agg(normalize(one, NFC)) || array_agg(normalize(one, NFD)) INTO spellings
    FROM unnest(spellings) AS s(one);
  END IF;
  RETURN spellings;
END
$$;

-- As before, in all spellings of the name.
CREATE OR REPLACE FUNCTION shown_filename(filename TEXT, environment INTEGER, job_ordinal BIGINT) RETURNS TEXT LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN filename = '' OR NOT EXISTS (SELECT FROM erasures e WHERE e.environment_id = environment AND e.id > job_ordinal)
      OR NOT EXISTS (
        SELECT FROM unnest(filename_spellings(filename)) AS s(spelling)
          JOIN erasures e ON e.environment_id = environment AND e.id > job_ordinal
        WHERE holds_term(spelling, e.subject) OR EXISTS (SELECT FROM unnest(e.terms) AS t(term) WHERE holds_term(spelling, term)))
    THEN filename
    ELSE 'erased' || coalesce(lower(substring(filename FROM '(?i)\.(?:csv|ndjson|jsonl|json|xlsx|txt|gz)$')), '') END
$$;
