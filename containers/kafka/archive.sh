# Boots one broker, stops it, and keeps the archive of its classes at /opt/kafka/app.jsa.
# The class path must be written as it is at run time, or the JVM leaves the archive aside.
set -eu
work=/tmp/archive
mkdir "$work"
cd /opt/kafka
java -XX:+UseSerialGC -cp '/opt/kafka/libs/*' kafka.tools.StorageTool \
    format -t AAAAAAAAAAAAAAAAAAAAAQ -c server.properties >"$work/format" 2>&1 || { cat "$work/format"; exit 1; }
java -XX:+UseSerialGC -Xms128m -Xmx256m -XX:ArchiveClassesAtExit=app.jsa \
    -Dlog4j2.configurationFile=file:/opt/kafka/log4j2.properties \
    -Dlog4j.configuration=file:/opt/kafka/log4j.properties \
    -cp '/opt/kafka/libs/*' kafka.Kafka server.properties >"$work/log" 2>&1 &
broker=$!
seconds=0
until grep -q 'Kafka Server started' "$work/log"; do
    if [ "$seconds" -ge 120 ] || ! kill -0 "$broker"; then
        cat "$work/log"
        exit 1
    fi
    sleep 1
    seconds=$((seconds + 1))
done
kill -TERM "$broker"
wait "$broker" || true
test -s app.jsa || { tail -n 20 "$work/log"; exit 1; }
rm -r "$work" server.properties archive.sh
