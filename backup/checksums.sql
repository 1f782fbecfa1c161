-- What a database holds, a line each: rows and a checksum of each table, whatever the order of its rows, and where each
-- sequence is. Two servers that say the same hold the same.
set timezone = 'UTC';
set datestyle = 'ISO';
set intervalstyle = 'postgres';
set bytea_output = 'hex';
set extra_float_digits = 1;
select format(
  'select %L || count(*) || '' '' || coalesce(sum((''x'' || left(md5(row::text), 15))::bit(60)::bigint), 0) from only %I.%I row',
  format('table %I.%I ', nspname, relname), nspname, relname)
from pg_class join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'm') and relpersistence <> 't' and nspname <> 'information_schema' and nspname !~ '^pg_'
order by nspname, relname \gexec
select format('select %L || last_value || '' '' || is_called from %I.%I', format('sequence %I.%I ', nspname, relname), nspname, relname)
from pg_class join pg_namespace n on n.oid = relnamespace
where relkind = 'S' and nspname !~ '^pg_'
order by nspname, relname \gexec
